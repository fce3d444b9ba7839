"""What people watch: Prometheus metrics and health, over HTTP.

catalogue.py    every metric, once: name, meaning, labels
histogram.py    a histogram that takes whole NumPy arrays
telemetry.py    the adapter of the Telemetry port: a batch report into the catalogue
endpoints.py    the WSGI application: /metrics, /-/healthy, /-/ready
exporter.py     the server around it, bounded in connections, threads and time
"""

from sentinel.metrics.catalogue import Catalogue
from sentinel.metrics.exporter import MetricsExporter
from sentinel.metrics.telemetry import PrometheusTelemetry

__all__ = ["Catalogue", "MetricsExporter", "PrometheusTelemetry"]
