"""The input area of the window: text, attached pictures, and the choice of picture detail."""
