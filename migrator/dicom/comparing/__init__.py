"""Two data sets, element by element: what was sent against what came back."""
