#if canImport(CoreML)
  import CoreML
  import Foundation
  import SensorStreaming

  /// The Core ML model: a window in, the probability of each class out.
  public actor Classifier {
    private let model: MLModel
    private let input: MLMultiArray

    /// Opens a compiled model (`.mlmodelc`).
    ///
    /// - Throws: ``RecognitionError/wrongModel(_:)`` where the file's own contract is another one.
    public init(compiled url: URL, computeUnits: MLComputeUnits = .all) throws {
      let configuration = MLModelConfiguration()
      configuration.computeUnits = computeUnits
      model = try MLModel(contentsOf: url, configuration: configuration)
      input = try MLMultiArray(
        shape: [1, NSNumber(value: Contract.channels.count * Contract.window)], dataType: .float32)
      let fields =
        model.modelDescription.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
      try FileContract.check(fields[FileContract.key])
    }

    /// Opens the model of this package, compiling it first where Xcode has not done so.
    public static func packaged(computeUnits: MLComputeUnits = .all) async throws -> Classifier {
      let name = Contract.model
      if let url = Bundle.module.url(forResource: name, withExtension: "mlmodelc") {
        return try Classifier(compiled: url, computeUnits: computeUnits)
      }
      guard let url = Bundle.module.url(forResource: name, withExtension: "mlpackage") else {
        throw RecognitionError.noModel(name)
      }
      let compiled = try await MLModel.compileModel(at: url)
      return try Classifier(compiled: compiled, computeUnits: computeUnits)
    }

    /// The outputs for one window, in the order of ``Contract/labels``.
    public func outputs(for window: Window) throws -> [Double] {
      input.withUnsafeMutableBufferPointer(ofType: Float.self) { values, _ in
        for (index, value) in window.values.enumerated() { values[index] = value }
      }
      let features = try MLDictionaryFeatureProvider(dictionary: ["sensor": input])
      let found = try model.prediction(from: features)
      let output = model.modelDescription.predictedProbabilitiesName ?? "probabilities"
      let byLabel = found.featureValue(for: output)?.dictionaryValue ?? [:]
      return try Contract.labels.map { label in
        guard let value = byLabel[label]?.doubleValue, value.isFinite else {
          throw RecognitionError.wrongOutput(label)
        }
        return value
      }
    }
  }
#endif
