"""The app's triggers: one module and one blueprint each. A trigger binds and calls; it decides nothing."""
