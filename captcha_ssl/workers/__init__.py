"""Runs tasks in this process, in worker processes or on a cluster; results come in order."""
