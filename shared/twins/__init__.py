"""Pure: which twin an asset has, what of its readings is sent to it, and what places make of what they contain."""
