"""What is probed from the machine and handed down as a value: caches, threads, devices."""
