"""The lake: tables, the releases that pin their versions, and the pointer to the current one."""
