"""The child: looks into files for the gateway, one request in its life, within limits.

Of the gateway it knows nothing but ``gateway.rendering.trouble``.
"""
