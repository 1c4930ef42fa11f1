"""What a platform gives: archives and rosters read, each student's notebook found and put in order."""
