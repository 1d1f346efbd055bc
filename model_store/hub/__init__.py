"""All that talks to a server: the Hugging Face Hub, the page of releases, proxies and access tokens.

TLS only (plain http for this computer alone), with the system's certificates. The token goes to one origin. The
person's proxy, or the system's, is used, and no connection goes past it. Every answer has a deadline.
"""
