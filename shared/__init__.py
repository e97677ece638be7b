"""What all contexts share: the kernel, the event store, the bus, projections, HTTP and procedures."""
