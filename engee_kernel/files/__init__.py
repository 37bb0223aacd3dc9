"""Files between this machine and Engee's /user."""
