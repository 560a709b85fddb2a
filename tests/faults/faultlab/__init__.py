"""What the fault tests are made of: a mini practice, a world around the hub, and a hub that may be killed."""
