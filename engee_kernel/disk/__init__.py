"""Files of this computer, as several packages keep them."""
