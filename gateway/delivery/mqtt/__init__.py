"""MQTT as a destination: connection, topics, announcements, publisher."""

from gateway.delivery.mqtt.connection import Broker, Publication
from gateway.delivery.mqtt.publisher import MqttOptions, MqttPublisher
from gateway.delivery.mqtt.topics import Content, Topics

__all__ = ["Broker", "Content", "MqttOptions", "MqttPublisher", "Publication", "Topics"]
