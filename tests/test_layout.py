"""The places of nodes and links."""

from graphs import every_graph, network

from tinygrad_edu.graph import Graph
from tinygrad_edu.read.draw.layout import HEIGHT, ROW, WIDTH, crossings, layered


@every_graph
def test_nodes_stand_apart_and_below_their_inputs(make):
    graph = Graph(make())
    places, ways = layered(graph)
    assert set(places) == set(graph.nodes)
    for node in graph.nodes:
        for x in node.parents:
            assert places[x][1] <= places[node][1] - ROW
    points = list(places.values())
    for k, (x, y) in enumerate(points):
        assert all(abs(x - other) >= WIDTH or abs(y - height) >= HEIGHT for other, height in points[k + 1 :])
    assert len(ways) == sum(len(node.parents) for node in graph.nodes)
    for points in ways.values():
        heights = [y for _, y in points]
        assert heights == sorted(heights)


def test_links_do_not_pass_through_nodes():
    graph = Graph(network())
    places, ways = layered(graph)
    for (start, end, _), points in ways.items():
        for x, y in points[1:-1]:
            for node, (at, height) in places.items():
                if node not in (start, end):
                    assert abs(x - at) > WIDTH / 2 or abs(y - height) > HEIGHT / 2


def test_a_deep_network_runs_down_not_across():
    graph = Graph(network((4, *[4] * 8, 1)))
    places, _ = layered(graph)
    across = [places[node][0] for node in graph.nodes if node.name.startswith("Z")]
    assert len(across) == 9
    assert max(across) - min(across) < WIDTH


def test_crossings_are_counted():
    class Place:
        def __init__(self, *below):
            self.below = [(place, 1.0) for place in below]

    a, b = Place(), Place()
    assert crossings([[Place(a), Place(b)], [a, b]]) == 0
    assert crossings([[Place(b), Place(a)], [a, b]]) == 1
    assert crossings([[Place(a, b), Place(a, b)], [a, b]]) == 1
