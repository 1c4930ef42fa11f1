"""Pictures that are drawn by code: cards of shared links, posters of figures, the weights that one of them holds."""
