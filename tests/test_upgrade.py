# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does an upgrade tell which release froze a graph, and give everything its name of today?"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx.runtime.errors import DponnxError, InputError, UnsupportedModelError

pytest.importorskip("tensorflow", reason="tensorflow is not installed (extra 'convert')")
from dponnx.converter.upgrade import CURRENT, VERSIONS, upgrade
from dponnx.converter.upgrade_graph import rename
from old_graphs import RELEASES, load, node, without, without_type


@pytest.fixture(scope="session")
def legacy(shared):
    return shared / "legacy"


# What the graphs become


def test_012_can_be_compressed(legacy):
    """The constants and nets that compression looks for have the names of today."""
    graph_def = upgrade(load(legacy / "sea_012.pb")).graph_def
    nodes = {n.name: n for n in graph_def.node}
    attributes = ("rcut", "ntypes", "t_avg", "t_std")
    for name in (*(f"descrpt_attr/{a}" for a in attributes), "fitting_attr/dfparam"):
        assert nodes[name].op == "Const", name
    assert nodes["descrpt_attr/t_avg/read"].attr["_class"].list.s == [b"loc:@descrpt_attr/t_avg"]
    for center in (0, 1):
        for neighbor in (0, 1):
            assert f"filter_type_{center}/matrix_1_{neighbor}" in nodes
    assert not [n for n in nodes if "DS_layer" in n or n.startswith("t_avg") or n.endswith("_test")]


@pytest.mark.parametrize("name", RELEASES)
def test_every_operator_is_of_today(legacy, name):
    old = load(legacy / f"{name}.pb")
    before = old.SerializeToString(deterministic=True)
    new = upgrade(old).graph_def
    assert old.SerializeToString(deterministic=True) == before
    kinds = {"A": "ProdEnvMatA", "R": "ProdEnvMatR"}
    letter = "R" if "se_r" in name else "A"
    operator = node(new, kinds[letter])
    assert operator.op == kinds[letter]
    assert operator.attr["T"].type == node(new, "t_coord").attr["dtype"].type
    assert not [n for n in new.node if n.op.startswith("Descrpt") or n.name.startswith("Descrpt")]
    for k, output in enumerate(("o_rmat_deriv", "o_rij", "o_nlist"), start=1):
        assert list(node(new, output).input) == [f"{operator.name}:{k}"]
    assert node(new, f"ProdForceSe{letter}").input[2] == "o_nlist"


def test_outputs_of_a_part_carry_its_suffix(legacy):
    graph_def = load(legacy / "water_se_r_v12.pb")
    attributes = ("t_avg", "t_avg/read", "t_std", "t_std/read")
    rename(graph_def, {f"descrpt_attr/{a}": f"descrpt_attr_1/{a}" for a in attributes})
    new = upgrade(graph_def).graph_def
    assert list(node(new, "o_nlist_1").input) == ["ProdEnvMatR:3"]


def test_pair_table_of_12_gets_its_name_of_today(legacy):
    """Interpolation with a pair table: TabInter of 1.x is PairTab."""
    graph_def = load(legacy / "water_se_a_v12.pb")
    graph_def.node.add(name="TabInter", op="TabInter", input=["o_rij"])
    graph_def.node.add(name="reader", op="Identity", input=["TabInter:2"])
    new = upgrade(graph_def).graph_def
    assert node(new, "PairTab").op == "PairTab"
    assert "T" in node(new, "PairTab").attr
    assert list(node(new, "reader").input) == ["PairTab:2"]


def test_tables_of_20_say_their_descriptor(shared):
    graph_def = load(shared / "models" / "sea_small_2side" / "graph.pb")
    node(graph_def, "model_attr/model_version").attr["value"].tensor.string_val[:] = [b"1.0"]
    graph_def.node.add(name="TabulateFusion_1", op="TabulateFusion", input=["^o_rij"])
    graph_def.node.add(
        name="TabulateFusionGrad", op="TabulateFusionGrad", input=["TabulateFusion_1"]
    )
    new = upgrade(graph_def, "2.0").graph_def
    assert node(new, "TabulateFusionSeA_1").op == "TabulateFusionSeA"
    assert node(new, "TabulateFusionSeAGrad").op == "TabulateFusionSeAGrad"
    assert list(node(new, "TabulateFusionSeAGrad").input) == ["TabulateFusionSeA_1"]


# Which release it was


def test_auto_says_what_and_why(legacy, shared):
    v12, new = load(legacy / "water_se_a_v12.pb"), load(shared / "models" / "ser" / "graph.pb")
    cases = [
        (load(legacy / "sea_012.pb"), "0.12", "DescrptNorot"),
        (without_type(load(legacy / "sea_012.pb")), "0.12", "DescrptNorot"),
        (without(v12, "fitting_attr/daparam"), "1.0", "no fitting_attr/daparam"),
        (v12, "1.2", "DescrptSeA without attribute T"),
        (load(legacy / "water_se_r_v12.pb"), "1.2", "DescrptSeR without attribute T"),
        (load(legacy / "water_se_r_v13.pb"), "1.3", "DescrptSeR with attribute T"),
        (without(new, "model_attr/model_version"), "2.0", "no model_attr/model_version"),
        (new, CURRENT, "model_attr/model_version 1.1"),
    ]
    for graph_def, version, why in cases:
        result = upgrade(graph_def)
        assert result.found == version
        assert why in result.why
        assert upgrade(result.graph_def).is_current


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("stated", VERSIONS)
def test_stated_version(legacy, name, stated):
    """Agrees or is refused, naming both. 1.1 and 1.2 write the same graphs."""
    found, graph_def = RELEASES[name], load(legacy / f"{name}.pb")
    if stated in ("auto", "pbtxt", found) or (stated, found) == ("1.1", "1.2"):
        assert upgrade(graph_def, stated).found == found
        return
    with pytest.raises(InputError, match=f"version {stated} was stated.* by DeePMD-kit {found}"):
        upgrade(graph_def, stated)


def test_unknown_version(legacy):
    with pytest.raises(InputError, match="'1.4' is not known; expected one of auto, 0.12"):
        upgrade(load(legacy / "sea_012.pb"), "1.4")


def test_future_version(shared):
    graph_def = load(shared / "models" / "ser" / "graph.pb")
    node(graph_def, "model_attr/model_version").attr["value"].tensor.string_val[:] = [b"2.0"]
    with pytest.raises(UnsupportedModelError, match="model_version is 2.0; expected 1.x"):
        upgrade(graph_def)


def test_no_deepmd_model(legacy):
    graph_def = load(legacy / "sea_012.pb")
    del graph_def.node[:]
    graph_def.node.add(name="x", op="Placeholder")
    with pytest.raises(InputError, match="no DeePMD-kit model"):
        upgrade(graph_def)


def test_precision_not_clear(legacy):
    graph_def = load(legacy / "water_se_r_v12.pb")
    node(graph_def, "t_coord").attr["dtype"].type = 1
    with pytest.raises(InputError, match="t_coord float32, descrpt_attr/t_avg float64"):
        upgrade(graph_def)


def test_missing_node(legacy):
    graph_def = without(load(legacy / "water_se_r_v12.pb"), "descrpt_attr/t_avg/read")
    with pytest.raises(
        InputError, match="reads descrpt_attr/t_avg/read, which is not in the graph"
    ):
        upgrade(graph_def)


def test_name_taken(legacy):
    graph_def = load(legacy / "water_se_r_v12.pb")
    graph_def.node.add(name="ProdEnvMatR", op="NoOp")
    with pytest.raises(InputError, match="two nodes are called ProdEnvMatR"):
        upgrade(graph_def)


def test_changed_nodes_end_in_one_of_our_errors(legacy):
    """Nodes lost, doubled, emptied, and constants of any type and shape."""
    names = ("t_coord", "t_avg", "t_rcut", "DescrptNorot", "ProdForceNorot", "Reshape_5/shape/0")
    original, random, accepted = load(legacy / "sea_012.pb"), np.random.default_rng(4), 0
    for _ in range(150):
        graph_def = type(original)()
        graph_def.CopyFrom(original)
        for name in random.choice(names, 2, replace=False):
            changed, how = node(graph_def, name), random.integers(5)
            if how == 0:
                graph_def.node.remove(changed)
            elif how == 1:
                graph_def.node.add(name=name, op=random.choice(["Const", "TabulateFusion"]))
            elif how == 2:
                changed.attr.clear()
            elif how == 3:
                changed.input[:] = ["^", ":1", "t_type:x"][: random.integers(4)]
            elif changed.op == "Const":
                tensor = changed.attr["value"].tensor
                tensor.dtype = int(random.integers(30))
                tensor.tensor_shape.dim.add(size=int(random.choice([-5, 0, 3, 2**40])))
        try:
            upgrade(graph_def, name="changed.pb").graph_def.SerializeToString()
            accepted += 1
        except DponnxError as error:
            assert "changed.pb" in str(error)
    assert 0 < accepted < 150
