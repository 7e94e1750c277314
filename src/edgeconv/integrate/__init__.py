"""From a bundle to a package for an app: its files, its tests, and the one behaviour behind all."""
