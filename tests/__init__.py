"""The proof of CXQ: rules alone, parts against real servers, whole stories, faults."""
