"""Consumer groups, step by step: what clients bring about only by chance or by dying."""

import asyncio

import kafka.errors as kafka_errors
import pytest

from sentinel.broker.group import Group
from sentinel.broker.members import JoinRequest
from sentinel.broker.membership import GroupState
from tests.broker.virtual_time import in_virtual_time

SOON_S = 10.0
LONG_S = 300.0


def request(member_id="", **changes):
    settings = {
        "instance_id": None,
        "client_id": "client",
        "session_timeout_s": LONG_S,
        "rebalance_timeout_s": LONG_S,
        "protocol_type": "consumer",
        "protocols": {"range": b"topics"},
        "can_skip_assignment": True,
    }
    return JoinRequest(member_id=member_id, **{**settings, **changes})


async def alone(group, **changes):
    """The only member of a stable group."""
    joined = await group.join(request(**changes))
    assert joined.leader_id == joined.member_id
    await group.sync(joined.member_id, changes.get("instance_id"), joined.generation_id, {})
    return joined


@in_virtual_time
async def test_a_member_that_misses_the_rebalance_is_dropped():
    group = Group("g")
    absent = await alone(group, rebalance_timeout_s=SOON_S)
    joined = await group.join(request(rebalance_timeout_s=SOON_S))
    assert joined.generation_id == absent.generation_id + 1
    assert [member_id for member_id, _, _ in joined.members] == [joined.member_id]
    with pytest.raises(kafka_errors.UnknownMemberIdError):
        group.heartbeat(absent.member_id, None, absent.generation_id)


@in_virtual_time
async def test_a_static_member_that_misses_the_rebalance_stays_until_its_session_ends():
    group = Group("g")
    absent = await alone(group, instance_id="a", rebalance_timeout_s=SOON_S)
    joined = await group.join(request(rebalance_timeout_s=SOON_S))
    assert {member_id for member_id, _, _ in joined.members} == {
        absent.member_id,
        joined.member_id,
    }
    assert joined.leader_id == joined.member_id  # somebody who is here


@in_virtual_time
async def test_several_absent_members_do_not_take_those_along_that_are_there():
    group = Group("g")
    first = await alone(group, rebalance_timeout_s=SOON_S)
    waiting = [asyncio.ensure_future(group.join(request(rebalance_timeout_s=SOON_S))) for _ in "ab"]
    joined = await asyncio.gather(*waiting)
    assert set(group.membership.members) == {each.member_id for each in joined}
    assert first.member_id not in group.membership.members


@in_virtual_time
async def test_a_rebalance_waits_for_an_id_that_was_handed_out_but_not_for_ever():
    group = Group("g")
    group.membership.reserve_id("client", SOON_S)
    joined = await group.join(request())
    assert group.membership.pending == {}
    assert joined.generation_id == 1


@in_virtual_time
async def test_a_silent_member_is_removed_when_its_session_ends():
    group = Group("g")
    await alone(group, session_timeout_s=SOON_S)
    await asyncio.sleep(0.99 * SOON_S)
    assert group.membership.state is GroupState.STABLE
    await asyncio.sleep(0.02 * SOON_S)
    assert group.membership.state is GroupState.EMPTY
    assert group.membership.generation_id == 2


@in_virtual_time
async def test_a_member_with_a_heartbeat_outlives_its_session_timeout():
    group = Group("g")
    joined = await alone(group, session_timeout_s=SOON_S)
    for _ in range(5):
        await asyncio.sleep(0.9 * SOON_S)
        group.heartbeat(joined.member_id, None, joined.generation_id)


@in_virtual_time
async def test_a_member_that_waits_for_the_others_does_not_lose_its_session():
    group = Group("g")
    first = await alone(group)
    waiting = asyncio.ensure_future(group.join(request(session_timeout_s=SOON_S)))
    await asyncio.sleep(4 * SOON_S)
    assert not waiting.done()
    await group.join(request(first.member_id))
    await waiting


@in_virtual_time
async def test_followers_wait_until_the_leader_has_assigned():
    group = Group("g")
    leader = await alone(group)
    joining = asyncio.ensure_future(group.join(request()))
    await asyncio.sleep(0)
    with pytest.raises(kafka_errors.RebalanceInProgressError):
        group.heartbeat(leader.member_id, None, leader.generation_id)
    with pytest.raises(kafka_errors.RebalanceInProgressError):
        await group.sync(leader.member_id, None, leader.generation_id, {})
    again = await group.join(request(leader.member_id))
    follower = await joining
    assert follower.members == ()
    syncing = asyncio.ensure_future(
        group.sync(follower.member_id, None, follower.generation_id, {})
    )
    await asyncio.sleep(0)
    assert not syncing.done()
    shares = {leader.member_id: b"mine", follower.member_id: b"yours"}
    assert await group.sync(leader.member_id, None, again.generation_id, shares) == b"mine"
    assert await syncing == b"yours"


@in_virtual_time
async def test_a_leader_that_dies_while_it_should_assign_is_replaced():
    group = Group("g")
    leader = await alone(group, session_timeout_s=SOON_S)
    joining = asyncio.ensure_future(group.join(request()))
    await asyncio.sleep(0)
    await group.join(request(leader.member_id, session_timeout_s=SOON_S))
    follower = await joining
    with pytest.raises(kafka_errors.RebalanceInProgressError):
        await group.sync(follower.member_id, None, follower.generation_id, {})
    again = await group.join(request(follower.member_id))
    assert again.leader_id == follower.member_id


@in_virtual_time
async def test_a_follower_that_joins_again_without_news_starts_no_rebalance():
    group = Group("g")
    leader = await alone(group)
    joining = asyncio.ensure_future(group.join(request()))
    await asyncio.sleep(0)
    generation = (await group.join(request(leader.member_id))).generation_id
    follower = await joining
    await group.sync(leader.member_id, None, generation, {})
    again = await group.join(request(follower.member_id))
    assert again.generation_id == generation
    assert group.membership.state is GroupState.STABLE


@in_virtual_time
async def test_the_protocol_that_most_prefer_among_the_common_ones_wins():
    group = Group("g")
    first = await alone(group, protocols={"range": b"", "sticky": b""})
    joining = [
        asyncio.ensure_future(group.join(request(protocols={"sticky": b"", "range": b""})))
        for _ in "ab"
    ]
    await asyncio.sleep(0)
    again = await group.join(request(first.member_id, protocols={"range": b"", "sticky": b""}))
    assert again.protocol_name == "sticky"
    assert {each.protocol_name for each in await asyncio.gather(*joining)} == {"sticky"}


@in_virtual_time
async def test_who_shares_no_protocol_with_the_group_may_not_join():
    group = Group("g")
    await alone(group)
    for stranger in (request(protocols={"other": b""}), request(protocol_type="connect")):
        with pytest.raises(kafka_errors.InconsistentGroupProtocolError):
            await group.join(stranger)


@in_virtual_time
async def test_an_old_client_that_leads_is_kept_from_assigning_when_it_comes_back():
    group = Group("g")
    before = await alone(group, instance_id="a")
    after = await group.join(request(instance_id="a", can_skip_assignment=False))
    assert after.member_id != before.member_id
    assert after.leader_id == before.member_id
    assert after.generation_id == before.generation_id
