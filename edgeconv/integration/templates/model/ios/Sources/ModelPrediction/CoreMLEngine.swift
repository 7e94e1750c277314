#if canImport(CoreML)
  import CoreML
  import Foundation

  /// The Core ML file, asked by the names of its features.
  actor CoreMLEngine: Engine {
    nonisolated let runtime = "Core ML"
    private let model: MLModel

    /// Opens a compiled model (`.mlmodelc`) without blocking a thread of the app.
    static func open(_ url: URL, computeUnits: ComputeUnits) async throws -> CoreMLEngine {
      let configuration = MLModelConfiguration()
      configuration.computeUnits = computeUnits.coreML
      return try CoreMLEngine(await MLModel.load(contentsOf: url, configuration: configuration))
    }

    private init(_ model: sending MLModel) throws {
      try Self.check(model.modelDescription)
      self.model = model
    }

    func run(_ inputs: Tensors) throws -> Tensors {
      let arrays = try Contract.inputs.map { ($0.name, try Self.array($0, inputs[$0.name])) }
      let provider = try MLDictionaryFeatureProvider(
        dictionary: Dictionary(uniqueKeysWithValues: arrays))
      let found = try model.prediction(from: provider)
      var outputs = Tensors()
      for spec in Contract.outputs {
        guard let array = found.featureValue(for: spec.name)?.multiArrayValue else { continue }
        // Converting also undoes the padding between rows that some compute units leave.
        outputs[spec.name] =
          spec.ints
          ? .ints(MLShapedArray<Int32>(converting: array).scalars)
          : .floats(MLShapedArray<Float>(converting: array).scalars)
      }
      return outputs
    }

    private static func array(_ spec: TensorSpec, _ tensor: Tensor?) throws -> MLMultiArray {
      let shape = spec.shape.map { NSNumber(value: $0) }
      let array = try MLMultiArray(shape: shape, dataType: spec.ints ? .int32 : .float32)
      switch tensor {
      case .floats(let values):
        array.withUnsafeMutableBufferPointer(ofType: Float.self) { place, _ in
          for (index, value) in values.enumerated() { place[index] = value }
        }
      case .ints(let values):
        array.withUnsafeMutableBufferPointer(ofType: Int32.self) { place, _ in
          for (index, value) in values.enumerated() { place[index] = value }
        }
      case nil:
        throw ModelError.wrongSize(tensor: spec.name, "it takes \(spec.told), not nothing")
      }
      return array
    }

    /// The file's own interface and class names are those of the contract.
    private static func check(_ description: MLModelDescription) throws {
      let taken = Set(description.inputDescriptionsByName.keys)
      let given = Set(description.outputDescriptionsByName.keys)
      guard taken == Set(Contract.inputs.map(\.name)), given == Set(Contract.outputs.map(\.name))
      else {
        throw ModelError.wrongModel("it maps \(taken.sorted()) to \(given.sorted())")
      }
      for spec in Contract.inputs {
        let found = description.inputDescriptionsByName[spec.name]?.multiArrayConstraint
        let shape = found?.shape.map(\.intValue)
        guard shape == spec.shape, found?.dataType == (spec.ints ? .int32 : .float32) else {
          throw ModelError.wrongModel("\(spec.name) has shape \(shape ?? []), not \(spec.shape)")
        }
      }
      let fields = description.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
      try FileContract.check(fields[FileContract.key])
    }
  }
#endif
