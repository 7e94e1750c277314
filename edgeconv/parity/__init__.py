"""Whether artifacts behave like their float model.

`checks` is the list of what is checked of an artifact; all of them get one `ParityContext`
(`context`) and what the artifact computed on it (`artifact_run`). `output_comparison`, `metrics`,
`task_impact`, `intervals`, `noninferiority` and `gates` measure and judge outputs and know no file.
`golden` has the vectors that devices run, `layerwise` compares values inside files, and `drift`
compares recordings with training data.
"""
