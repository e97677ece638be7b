"""The kernel's own schema history, applied to every context's database before the context's own."""
