"""Linear branches and their stack, against scikit-learn and loops."""

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import check_grad, nnls
from sklearn.linear_model import LogisticRegression, Ridge

from ulmfit_tfx.trainer_modules.branches.fitting import fit_branch
from ulmfit_tfx.trainer_modules.branches.objectives import Numbers, OneLabel, SeveralLabels
from ulmfit_tfx.trainer_modules.branches.stacking import fit_stack, stacked_with

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(90, 5))
SCORES = FEATURES @ RNG.normal(size=(5, 3)) + RNG.normal(size=(90, 3))
LABELS = SCORES.argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 3])
def test_one_label_is_logistic_regression(classes):
    labels = LABELS % classes
    linear = OneLabel(classes).fit(FEATURES, labels, None, 2.0)
    oracle = LogisticRegression(C=2.0).fit(FEATURES, labels)
    odds = np.exp(linear(FEATURES))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), oracle.predict_proba(FEATURES), atol=1e-4)


def test_class_without_a_row_is_never_the_answer():
    linear = OneLabel(4).fit(FEATURES, np.where(LABELS == 1, 0, LABELS), None, 1.0)
    assert set(linear(FEATURES).argmax(axis=1)) <= {0, 2}
    assert set(OneLabel(4).fit(FEATURES, np.full(90, 3), None, 1.0)(FEATURES).argmax(axis=1)) == {3}


def test_several_labels_are_a_regression_each_and_labels_of_all_rows_are_given():
    targets = np.column_stack([SCORES > 0, np.ones(90), np.zeros(90)]).astype(float)
    linear = SeveralLabels(5).fit(FEATURES, targets, None, 1.0)
    oracle = LogisticRegression().fit(FEATURES, targets[:, 1])
    np.testing.assert_allclose(linear(FEATURES)[:, 1], oracle.decision_function(FEATURES), atol=1e-3)
    assert (linear(FEATURES)[:, 3] > 10).all()
    assert (linear(FEATURES)[:, 4] < -10).all()


@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 2, 90)])
def test_numbers_are_ridge_regression(weights):
    linear = Numbers(3).fit(FEATURES, SCORES, weights, 0.5)
    oracle = Ridge(alpha=2.0).fit(FEATURES, SCORES, sample_weight=weights)
    np.testing.assert_allclose(linear(FEATURES), oracle.predict(FEATURES), atol=1e-4)


@pytest.mark.parametrize(
    ("objective", "targets"),
    [(OneLabel(3), LABELS), (SeveralLabels(3), (SCORES > 0).astype(float)), (Numbers(3), SCORES)],
)
def test_residuals_are_derivatives_of_the_losses(objective, targets):
    def loss(outputs):
        return objective.losses(outputs.reshape(90, 3), targets).sum()

    def gradient(outputs):
        return objective.residuals(outputs.reshape(90, 3), targets).ravel()

    assert check_grad(loss, gradient, RNG.normal(size=270)) < 1e-4


def folds_of(objective, targets):
    return list(objective.folds(targets, 5, 1))


@pytest.mark.parametrize("is_sparse", [True, False])
def test_rows_are_answered_by_models_that_did_not_see_them(is_sparse):
    features = np.eye(90)  # of a row that was not seen nothing is known
    features = scipy.sparse.csr_matrix(features) if is_sparse else features
    branch = fit_branch(Numbers(3), features, SCORES, None, folds_of(Numbers(3), SCORES))
    for fitted, answered in folds_of(Numbers(3), SCORES):
        np.testing.assert_allclose(branch.unseen[answered], np.tile(SCORES[fitted].mean(axis=0), (18, 1)), atol=0.05)


def test_regularization_is_the_one_that_answers_unseen_rows_best():
    objective = Numbers(3, dense_strengths=(1e-6, 1e-1))
    folds = folds_of(objective, SCORES)
    assert fit_branch(objective, FEATURES, SCORES, None, folds).strength == 1e-1
    assert fit_branch(objective, RNG.normal(size=(90, 60)), SCORES, None, folds).strength == 1e-6


def test_branch_answers_in_the_units_of_its_features():
    folds = folds_of(Numbers(3), SCORES)
    plain = fit_branch(Numbers(3), FEATURES, SCORES, None, folds).linear
    shifted = fit_branch(Numbers(3), 100 * FEATURES + 7, SCORES, None, folds).linear
    np.testing.assert_allclose(shifted(100 * FEATURES + 7), plain(FEATURES), atol=1e-6)


def test_terms_that_no_row_has_count_nothing():
    features = scipy.sparse.csr_matrix(np.pad(FEATURES, ((0, 0), (2, 3))))
    linear = fit_branch(OneLabel(3), features, LABELS, None, folds_of(OneLabel(3), LABELS)).linear
    assert not linear.weights[[0, 1, 7, 8, 9]].any()
    assert linear.weights[2:7].all()


def test_folds_are_fewer_where_classes_have_few_rows():
    labels = np.array([0] * 60 + [1])
    folds = folds_of(OneLabel(2), labels)
    assert sorted(np.concatenate([answered for _, answered in folds])) == list(range(61))
    assert len(folds_of(OneLabel(61), np.arange(61))) == 5


def test_stack_of_numbers_is_non_negative_least_squares():
    unseen = {"good": SCORES + RNG.normal(size=(90, 3)), "bad": -SCORES, "noise": RNG.normal(size=(90, 3))}
    stack = fit_stack(Numbers(3), unseen, SCORES, None)
    centred = np.stack([(answers - answers.mean(axis=0)).ravel() for answers in unseen.values()], axis=1)
    oracle, _ = nnls(centred, (SCORES - SCORES.mean(axis=0)).ravel())
    np.testing.assert_allclose(list(stack.weights.values()), oracle, atol=0.02)
    assert stack.weights["bad"] == 0


def test_stack_is_no_worse_than_its_best_branch():
    unseen = {"close": 3 * SCORES + RNG.normal(size=(90, 3)), "far": RNG.normal(size=(90, 3))}
    weights = RNG.uniform(0.1, 2, 90)
    stack = fit_stack(OneLabel(3), unseen, LABELS, weights)
    alone = [np.average(OneLabel(3).losses(answers, LABELS), weights=weights) for answers in unseen.values()]
    assert stack.loss <= min(alone) + 1e-3


def test_branch_that_few_rows_know_changes_no_shares_among_the_others():
    known = {"close": 3 * SCORES + RNG.normal(size=(90, 3)), "far": SCORES + RNG.normal(size=(90, 3))}
    stack = fit_stack(OneLabel(3), known, LABELS, None)
    few = slice(0, 15)
    of_few = {name: outputs[few] for name, outputs in known.items()}
    both = stacked_with(OneLabel(3), stack, of_few, "new", RNG.normal(size=(15, 3)), LABELS[few], None)
    assert both.weights["close"] / both.weights["far"] == pytest.approx(stack.weights["close"] / stack.weights["far"])
    answers = of_few | {"new": np.ones((15, 3))}
    np.testing.assert_allclose(
        both(answers), sum(weight * answers[name] for name, weight in both.weights.items()) + both.bias
    )


@pytest.mark.parametrize("rows", [10, 90])
def test_branch_is_added_as_far_as_rows_tell_that_it_helps(rows):
    noise, truth = RNG.normal(size=(rows, 3)), 5 * SCORES[:rows]
    stack = fit_stack(OneLabel(3), {"noise": noise}, LABELS[:rows], None)
    added = stacked_with(OneLabel(3), stack, {"noise": noise}, "truth", truth, LABELS[:rows], None)
    useless = stacked_with(OneLabel(3), stack, {"noise": noise}, "constant", np.zeros((rows, 3)), LABELS[:rows], None)
    assert added.loss < stack.loss - 0.1
    assert useless.weights["constant"] == pytest.approx(0, abs=1e-6)
    assert useless.loss == pytest.approx(stack.loss, abs=0.05)
