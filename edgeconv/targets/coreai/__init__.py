"""Core AI: Apple's format `.aimodel` for iOS 27 and later."""
