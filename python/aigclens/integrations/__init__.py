"""What joins a client to other tools. Each needs its own extra, and is imported by its own name."""
