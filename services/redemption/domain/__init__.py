"""The rules of redemption, pure (art. 9(4), 12, 15(3)-(5))."""
