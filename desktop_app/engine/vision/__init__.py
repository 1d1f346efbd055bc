"""How each model family sees a picture: which parts are encoded, and which prompt cells they become."""
