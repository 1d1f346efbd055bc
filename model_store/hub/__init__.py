"""What talks to a server: the Hugging Face Hub, the page of releases, proxies and access tokens."""
