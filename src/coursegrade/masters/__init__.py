"""What an assignment is made from: its master read, checked, and released to students."""
