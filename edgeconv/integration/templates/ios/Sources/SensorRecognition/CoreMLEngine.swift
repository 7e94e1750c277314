#if canImport(CoreML)
  import CoreML
  import Foundation
  import SensorStreaming

  /// The model on Core ML.
  actor CoreMLEngine: Engine {
    nonisolated let runtime = "Core ML"
    private let model: MLModel
    private let input: MLMultiArray

    /// Opens a compiled model without blocking a thread of the app.
    ///
    /// - Throws: ``RecognitionError/wrongModel(_:)`` where the file's own contract is another one,
    ///   or Core ML's error.
    static func open(_ url: URL, computeUnits: ComputeUnits) async throws -> CoreMLEngine {
      let configuration = MLModelConfiguration()
      configuration.computeUnits = computeUnits.coreML
      return try CoreMLEngine(await MLModel.load(contentsOf: url, configuration: configuration))
    }

    private init(_ model: sending MLModel) throws {
      let fields =
        model.modelDescription.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
      try FileContract.check(fields[FileContract.key])
      input = try MLMultiArray(
        shape: [1, NSNumber(value: Contract.channels.count * Contract.window)], dataType: .float32)
      self.model = model
    }

    func outputs(for values: [Float]) throws -> [Double] { try answer(for: values).outputs }

    func answer(for values: [Float]) throws -> ModelAnswer {
      input.withUnsafeMutableBufferPointer(ofType: Float.self) { place, _ in
        for (index, value) in values.enumerated() { place[index] = value }
      }
      let features = try MLDictionaryFeatureProvider(dictionary: [Contract.input: input])
      let answer = try model.prediction(from: features)
      let byLabel = answer.featureValue(for: Contract.output)?.dictionaryValue ?? [:]
      let outputs = try Contract.labels.map { label in
        guard let value = byLabel[label] else { throw RecognitionError.wrongOutput(label) }
        return value.doubleValue
      }
      if Contract.embedding == 0 { return ModelAnswer(outputs: outputs) }
      guard let array = answer.featureValue(for: "embedding")?.multiArrayValue else {
        throw RecognitionError.wrongOutput("embedding")
      }
      let embedding = MLShapedArray<Float>(converting: array).scalars.map(Double.init)
      return ModelAnswer(outputs: outputs, embedding: embedding)
    }
  }
#endif
