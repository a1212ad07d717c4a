"""The daemon. Nothing outside this package imports it, but `papa.client.embedded`."""
