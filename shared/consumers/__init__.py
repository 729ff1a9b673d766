"""What each consumer of a hub or feed does with a batch: pure rules, then gateways, then a line of what came of it."""
