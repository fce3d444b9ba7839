"""What sentinel needs of a broker: consumer groups and the offsets they commit."""

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    NoError,
    OffsetMetadataTooLargeError,
    UnknownTopicOrPartitionError,
)
from kafka.structs import OffsetAndMetadata

from sentinel.source.group_repair import finish_join
from tests.broker.group_member import GroupMember
from tests.waiting import wait_until

PARTITIONS = 4


@pytest.fixture
def topic(any_kafka, unique_name):
    return any_kafka.create_topic(unique_name("readings"), PARTITIONS)


@pytest.fixture
def group(unique_name):
    return unique_name("group")


@pytest.fixture
def member(any_kafka, topic, group):
    """member(**options): a consumer of the group, to be used with `with`."""

    def make(**options):
        return GroupMember(any_kafka.bootstrap_servers, topic, group, **options)

    return make


@pytest.fixture
def outsider(any_kafka, group):
    """A consumer that knows the group but never joins it."""
    consumer = KafkaConsumer(
        bootstrap_servers=any_kafka.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    yield consumer
    consumer.close()


def members_of(any_kafka, group):
    """Member ids and the group's state, as administrators see them."""
    described = any_kafka.admin.describe_groups([group])[group]
    return {each["member_id"] for each in described["members"]}, described["group_state"]


def share(*members):
    """Together they have every partition once."""
    assigned = [partition for member in members for partition in member.assigned]
    return sorted(assigned) == list(range(PARTITIONS))


@pytest.mark.parametrize("assignor", [RangePartitionAssignor, CooperativeStickyAssignor])
def test_two_consumers_share_the_partitions(member, assignor):
    with member(partition_assignment_strategy=[assignor]) as first:
        first.wait_for(4)
        with member(partition_assignment_strategy=[assignor]) as second:
            second.wait_for(2)
            first.wait_for(2)
            wait_until(lambda: share(first, second))
        first.wait_for(4)


def test_a_cooperative_rebalance_takes_only_what_moves(member):
    with member(partition_assignment_strategy=[CooperativeStickyAssignor]) as first:
        first.wait_for(4)
        with member(partition_assignment_strategy=[CooperativeStickyAssignor]) as second:
            second.wait_for(2)
            assert sorted(first.revoked) == sorted(second.assigned)


def test_a_group_reads_every_record_once(any_kafka, topic, member):
    values = [b"%d" % index for index in range(400)]
    with member() as first, member() as second:
        first.wait_for(2)
        second.wait_for(2)
        wait_until(lambda: share(first, second))
        with KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers) as producer:
            for index, value in enumerate(values):
                producer.send(topic, value, partition=index % PARTITIONS)
        wait_until(lambda: len(first.values) + len(second.values) >= len(values))
    assert sorted(first.values + second.values) == sorted(values)


def test_two_groups_read_the_same_records_each(any_kafka, topic, unique_name):
    with KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers) as producer:
        for index in range(20):
            producer.send(topic, b"%d" % index)
    servers = any_kafka.bootstrap_servers
    with (
        GroupMember(servers, topic, unique_name("one")) as one,
        GroupMember(servers, topic, unique_name("other")) as other,
    ):
        wait_until(lambda: len(one.values) == len(other.values) == 20)
    assert sorted(one.values) == sorted(other.values)


def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(member):
    with member(group_instance_id="a") as stays:
        stays.wait_for(4)
        with member(group_instance_id="b") as leaves:
            leaves.wait_for(2)
            stays.wait_for(2)
            wait_until(lambda: share(stays, leaves))
            had = set(leaves.assigned)
        revoked_before = list(stays.revoked)
        with member(group_instance_id="b") as returns:
            returns.wait_for(2)
            assert returns.assigned == had
            assert stays.revoked == revoked_before


def test_a_static_leader_comes_back_too(member):
    with member(group_instance_id="a") as leader:
        leader.wait_for(4)
    with member(group_instance_id="a") as leader:
        leader.wait_for(4)


def test_a_silent_member_loses_its_partitions_when_its_session_expires(any_kafka, group, member):
    with member() as stays:
        stays.wait_for(4)
        # A static member that closes says nothing: to the broker it is as good as dead.
        with member(group_instance_id="dies", session_timeout_ms=1000) as dies:
            dies.wait_for(2)
            stays.wait_for(2)
        assert len(members_of(any_kafka, group)[0]) == 2
        stays.wait_for(4)
        assert len(members_of(any_kafka, group)[0]) == 1


def test_a_replaced_static_member_is_fenced(any_kafka, topic, group, member):
    replaced = KafkaConsumer(
        bootstrap_servers=any_kafka.bootstrap_servers,
        group_id=group,
        group_instance_id="same",
        enable_auto_commit=False,
    )
    try:
        replaced.subscribe([topic])

        def joined():
            replaced.poll(timeout_ms=100)
            finish_join(replaced)
            return len(replaced.assignment()) == PARTITIONS

        wait_until(joined, timeout_s=30)
        with member(group_instance_id="same") as successor:
            successor.wait_for(4)
            with pytest.raises((FencedInstanceIdError, CommitFailedError)):
                replaced.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})
    finally:
        replaced.close()


def test_a_group_is_empty_once_its_last_member_has_left(any_kafka, group, member):
    with member() as only:
        only.wait_for(4)
        wait_until(lambda: members_of(any_kafka, group)[1] == "Stable")
    wait_until(lambda: members_of(any_kafka, group) == (set(), "Empty"))


def test_offsets_are_committed_with_their_metadata(topic, outsider):
    partition = TopicPartition(topic, 1)
    assert outsider.committed(partition) is None
    outsider.commit({partition: OffsetAndMetadata(17, "state=abc", -1)})
    committed = outsider.committed(partition, metadata=True)
    assert (committed.offset, committed.metadata) == (17, "state=abc")
    assert outsider.committed(TopicPartition(topic, 0)) is None


def test_what_cannot_be_committed_is_refused(any_kafka, topic, group):
    refused = any_kafka.admin.alter_group_offsets(
        group,
        {
            TopicPartition(topic, 0): OffsetAndMetadata(1, "x" * 5000, -1),
            TopicPartition(topic, 1): OffsetAndMetadata(1, "", -1),
            TopicPartition(topic, PARTITIONS): OffsetAndMetadata(1, "", -1),
        },
    )
    assert refused == {
        TopicPartition(topic, 0): OffsetMetadataTooLargeError,
        TopicPartition(topic, 1): NoError,
        TopicPartition(topic, PARTITIONS): UnknownTopicOrPartitionError,
    }


def test_a_commit_asked_for_in_the_background_arrives(topic, outsider):
    partition = TopicPartition(topic, 2)
    outsider.commit_async({partition: OffsetAndMetadata(5, "", -1)})
    wait_until(lambda: outsider.committed(partition) == 5)


def test_the_next_consumer_goes_on_behind_the_committed_offset(any_kafka, topic, member):
    with KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers) as producer:
        for index in range(40):
            producer.send(topic, b"%d" % index, partition=0)
    with member(enable_auto_commit=True) as before:
        wait_until(lambda: len(before.values) == 40)
    with KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers) as producer:
        producer.send(topic, b"new", partition=0)
    with member() as after:
        wait_until(lambda: after.values)
    assert after.values == [b"new"]


def test_an_outsider_cannot_commit_for_a_group_with_members(topic, member, outsider):
    with member() as only:
        only.wait_for(4)
        with pytest.raises(CommitFailedError):
            outsider.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})
    assert outsider.committed(TopicPartition(topic, 0)) is None


def test_added_partitions_reach_the_group(any_kafka, topic, member):
    with member(metadata_max_age_ms=500) as only:
        only.wait_for(4)
        any_kafka.admin.create_partitions({topic: 6})
        only.wait_for(6)
