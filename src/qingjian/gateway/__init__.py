"""The gateway (接入网关): speaks HJ 212 with field devices and acknowledges only what is on disk."""
