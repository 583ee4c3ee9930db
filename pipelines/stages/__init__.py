"""The stages of the flow, each reading the workspace, calling pure transforms and writing the workspace."""
