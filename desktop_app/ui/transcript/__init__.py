"""The conversation on the page: laying it out, painting it, selecting in it, and reading it by keyboard."""
