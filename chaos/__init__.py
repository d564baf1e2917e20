"""The long trial: orders through the real HTTP API while everything is killed (README.md). `make test` has a small one."""
