"""What the end-to-end tests stand on: real servers, a driver for kcl-host, and readers of what both leave behind."""
