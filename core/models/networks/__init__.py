"""Networks: their layers, and ImageNet weights that come inside packages."""
