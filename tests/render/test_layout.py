"""Where nodes stand: laws for any graph without circles, and that a circle does no harm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.graph import graph
from gemctl.render.layout import layout


def node(number: int) -> Address:
    return Address("CachedContent", f"n{number}")


pairs = st.tuples(st.integers(0, 12), st.integers(0, 12))
circles = st.lists(pairs, max_size=20).map(
    lambda many: graph(map(node, range(13)), ((node(a), node(b)) for a, b in many))
)
graphs = st.lists(pairs, max_size=20).map(
    lambda many: graph(map(node, range(13)), ((node(min(pair)), node(max(pair))) for pair in many))
)


@given(st.one_of(graphs, circles))
def test_every_node_has_one_place_and_no_two_the_same(made):
    placed = layout(made)
    assert sorted([*placed.spots, *placed.loose]) == list(made.nodes)
    assert len(set(placed.spots.values())) == len(placed.spots)
    assert set(placed.ways) == set(made.edges)
    assert not {place for edge in made.edges for place in edge} & set(placed.loose)


@given(graphs)
def test_what_is_needed_stands_to_the_left(made):
    placed = layout(made)
    for (above, below), way in placed.ways.items():
        assert placed.spots[above] == way[0] and placed.spots[below] == way[-1]
        columns = [column for column, _ in way]
        assert columns == list(range(columns[0], columns[-1] + 1)) and len(columns) > 1


@given(graphs)
def test_ways_pass_where_nothing_else_stands(made):
    placed = layout(made)
    passed = [spot for way in placed.ways.values() for spot in way[1:-1]]
    assert len(set(passed)) == len(passed)
    assert not set(passed) & set(placed.spots.values())


@given(graphs)
def test_the_same_graph_is_always_drawn_the_same(made):
    assert layout(graph(reversed(made.nodes), reversed(made.edges))) == layout(made)


def test_lines_that_need_not_cross_do_not():
    made = graph(map(node, range(4)), [(node(0), node(3)), (node(1), node(2))])
    placed = layout(made)
    assert placed.spots[node(2)][1] == placed.spots[node(1)][1]
    assert placed.spots[node(3)][1] == placed.spots[node(0)][1]
