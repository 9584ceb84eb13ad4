"""The program as a process of its own, without the second that torch takes to import."""
