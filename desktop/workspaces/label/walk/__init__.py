"""Walking through the uncertain regions of the picture on screen: each gets a verdict, by key or by mouse."""
