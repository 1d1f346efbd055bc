"""The conversation in the window: its layout, painting, text selection and keyboard control."""
