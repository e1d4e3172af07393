"""What each part takes for so many drivers, orders and positions: `just bench capacity`."""
