/// What runs the model: by name, the order of inputs and outputs does not matter.
public protocol Engine {
  func run(_ inputs: Tensors) throws -> Tensors
}

/// The model: one sample in, a prediction out.
///
/// ```swift
/// let runner = try await ModelRunner.packaged()
/// let prediction = try await runner.predict(inputs)
/// ```
public actor ModelRunner {
  private let engine: any Engine

  /// With another engine than Core ML, for tests of an app.
  public init(engine: sending any Engine) {
    self.engine = engine
  }

  /// What the model says of one sample.
  ///
  /// - Throws: ``ModelError`` where the sample does not fit, or the model gives what is not finite.
  public func predict(_ inputs: Inputs) throws -> Prediction {
    try Prediction(run(inputs.tensors))
  }

  /// The same under the model's own names.
  public func run(_ inputs: Tensors) throws -> Tensors {
    for spec in Contract.inputs { try spec.checkInput(inputs[spec.name]) }
    let outputs = try engine.run(inputs)
    for spec in Contract.outputs { try spec.checkOutput(outputs[spec.name]) }
    return outputs
  }
}
