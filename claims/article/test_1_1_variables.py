import os, pytest
@pytest.mark.claim("A process is one running program with a pid of its own", source="article 1.1")
def test_pid(lab):
    child = lab.child(os.getpid)
    assert child.value != os.getpid()
