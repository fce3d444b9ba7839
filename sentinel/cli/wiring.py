"""The only composition root: here adapters meet ports, and the configuration meets both."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from sentinel import store
from sentinel.alert.rules import EpisodeRules, recommended_rules
from sentinel.alert.thresholds import ThresholdSettings
from sentinel.config.addresses import host_and_port
from sentinel.config.alert import AlertConfig
from sentinel.config.kafka_client import client_options
from sentinel.config.kernels import KernelsConfig
from sentinel.config.schema import Config, WindowConfig
from sentinel.daemon.health import DaemonHealth
from sentinel.daemon.loop import Daemon, DaemonSettings
from sentinel.detector import Detector
from sentinel.fitted import FittedModel
from sentinel.metrics.catalogue import Catalogue
from sentinel.metrics.exporter import MetricsExporter
from sentinel.metrics.telemetry import PrometheusTelemetry
from sentinel.model.architecture import Architecture
from sentinel.ports import Supervisor
from sentinel.records import NS_PER_DAY, NS_PER_S
from sentinel.runtime.clock import SystemClock
from sentinel.runtime.device import DeviceChoice, choose_device, demand_gpu, fell_back
from sentinel.runtime.garbage import collector_paused
from sentinel.runtime.kernels import Choice, choose
from sentinel.runtime.systemd import SystemdSupervisor
from sentinel.runtime.workload import STREAM, Batch, Workload
from sentinel.sink.kafka import KafkaSink
from sentinel.source.kafka import KafkaSource
from sentinel.source.kafka_admin import quiet_client
from sentinel.source.kafka_range import KafkaRangeSource
from sentinel.source.reasons import MASKED, REJECTED
from sentinel.source.warm_up import warm_up

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is ready to `run`, and where its metrics are ("" where they are off)."""

    daemon: Daemon
    detector: Detector
    metrics_url: str


def episode_rules(alert: AlertConfig, kind: str) -> EpisodeRules:
    """The rules of the episode machine: as configured, else as suits this kind of model."""
    suited = recommended_rules(kind)
    open_window = alert.open_window or max(suited.open_window, alert.open_count)
    rules = replace(
        suited,
        open_count=alert.open_count or min(suited.open_count, open_window),
        open_window=open_window,
        close_ratio=alert.close_ratio or suited.close_ratio,
        close_count=alert.close_count or suited.close_count,
        fade_ratio=alert.fade_ratio or suited.fade_ratio,
        update_interval_ns=round(alert.update_interval_s * NS_PER_S),
        cooldown_ns=round(alert.cooldown_s * NS_PER_S),
    )
    if not alert.alerts_per_day:
        return rules
    # Whole episodes, in a stretch that makes the rate exact: 0.5 a day is 1 in two days.
    count = math.ceil(alert.alerts_per_day)
    return replace(
        rules,
        budget_count=count,
        budget_readings=0,
        budget_ns=round(count / alert.alerts_per_day * NS_PER_DAY),
        budget_fleet=alert.alerts_per_day_of == "fleet",
    )


def threshold_settings(alert: AlertConfig) -> ThresholdSettings:
    """The rule of the threshold, as configured; `alert.threshold_scale` is the detector's."""
    return ThresholdSettings(alert.threshold, alert.exceed_probability, alert.mad_count)


def chosen_kernels(architecture: Architecture, kernels: KernelsConfig) -> Choice:
    """The CPU's, as configured; checked."""
    return choose(
        architecture, kernels.variant, kernels.threads, deterministic=kernels.deterministic
    )


def chosen_device(
    architecture: Architecture, kernels: KernelsConfig, work: Workload, cpu: Choice
) -> DeviceChoice:
    """As configured; checked, and measured where there is a choice.

    cpu  what the CPU computes with
    Raises ConfigError where a GPU is asked for, and there is none to use.
    """
    return choose_device(architecture, work, cpu.backend, kernels.device, kernels.on_gpu_failure)


@collector_paused()
def make_detector(
    model: FittedModel,
    alert: AlertConfig,
    kernels: KernelsConfig,
    window: WindowConfig,
    batches: tuple[Batch, ...] = STREAM,
) -> Detector:
    """A detector with every kernel compiled.

    batches  that readings will come in: "auto" measures with such
    """
    demand_gpu(kernels.device, kernels.on_gpu_failure)
    architecture, work = model.parameters.architecture, workload_of(model, window, batches)
    choice = chosen_kernels(architecture, kernels)
    device = chosen_device(architecture, kernels, work, choice)
    log.info(
        "kernels %s (%s), threads: %d",
        choice.backend.variant.name, choice.reason, choice.backend.threads,
    )  # fmt: skip
    log.info("device %s (%s)", device.name, device.reason)
    detector = Detector(
        model,
        episode_rules(alert, model.kind),
        backend=device.device,
        window_stride=_window_stride(model, window),
        max_gap_ns=round(window.max_gap_s * NS_PER_S),
        threshold=threshold_settings(alert),
        threshold_scale=alert.threshold_scale,
    )
    detector.warm_up()
    return detector


def _window_stride(model: FittedModel, window: WindowConfig) -> int:
    """As configured for the model's kind; 0: as it was fitted, and where it rebuilds no window."""
    strides = {"reconstruct": window.window_stride, "joint": window.reconstruct_every}
    return strides.get(model.kind, 0)


def workload_of(
    model: FittedModel, window: WindowConfig, batches: tuple[Batch, ...] = STREAM
) -> Workload:
    """What there is to compute where this model scores readings that come in such batches."""
    rebuilt_every = model.window_stride if model.kind in ("reconstruct", "joint") else 0
    return Workload(model.window_length, _window_stride(model, window) or rebuilt_every, batches)


@contextmanager
def running(config: Config, supervisor: Supervisor | None = None) -> Iterator[Running]:
    """Everything `sentinel run` is made of, open; closed in reverse order whatever happens.

    Kernels are compiled before the consumer group is joined: a member that compiles is a member
    that does not answer.
    """
    clock = SystemClock()
    model = store.load(config.model)
    detector = make_detector(model, config.alert, config.kernels, config.window)
    warm_up(config.source, model.channels)
    catalogue = Catalogue(
        _model_labels(model, config.name),
        rejection_reasons=(*REJECTED, "duplicate", "late"),
        mask_reasons=MASKED,
    )
    catalogue.gpu_fallback.set_function(lambda: fell_back(config.kernels.device, detector.backend))
    telemetry = PrometheusTelemetry(catalogue, clock)
    health = DaemonHealth(config.metrics.stalled_after_s, clock)
    with ExitStack() as stack:
        url = ""
        if config.metrics.listen_address:
            host, port = host_and_port(config.metrics.listen_address)
            exporter = MetricsExporter(host, port, catalogue.registry, health)
            exporter.start()
            stack.callback(exporter.close)
            url = exporter.url
        options = client_options(config)
        log.info("connecting to Kafka at %s", config.source.bootstrap_servers)
        source = KafkaSource(config.source, options, model.channels)
        stack.callback(source.close)
        with quiet_client():  # its own words come before those of the error, and say less
            sink = KafkaSink(config.sink, options, on_reduced=telemetry.dead_letter_reduced)
        stack.callback(sink.close)
        daemon = Daemon(
            DaemonSettings(
                config.name,
                config.source.topic,
                config.source.poll_timeout_ms,
                config.sink.flush_timeout_s,
            ),
            detector,
            source,
            sink,
            telemetry,
            supervisor or SystemdSupervisor(os.environ, clock),
            health,
            clock,
        )
        yield Running(daemon, detector, url)


def _model_labels(model: FittedModel, detector: str) -> dict[str, str]:
    return {
        "detector": detector,
        "name": model.name,
        "version": model.version,
        "channels": str(len(model.channels)),
        "window_length": str(model.window_length),
    }


def history_range(config: Config, begin: str | None, end: str | None) -> KafkaRangeSource:
    """The readings of a stretch of the configured topic; offsets or times, None: all there is."""
    return KafkaRangeSource(config.source, client_options(config), begin=begin, end=end)
