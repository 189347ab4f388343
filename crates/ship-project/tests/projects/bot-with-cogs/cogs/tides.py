class Tides:
    """What the water does."""
