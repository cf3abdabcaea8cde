"""The operations: one file a family, all entered into `registry.TABLE`."""
