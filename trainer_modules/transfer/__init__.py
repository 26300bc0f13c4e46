"""From an exported model to the layers of a new one."""
