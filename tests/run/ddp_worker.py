"""Run by torch's process launcher in test_ddp_gradients: one rank of a data-parallel step."""

import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from marginface import FaceRecognizer
from marginface.backbone import SphereNet
from marginface.head import ASoftmax, CosFace


class Loss(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image, label):
        return self.model.classifier(self.model(image), label).loss


def model_of(head):
    torch.manual_seed(0)
    return FaceRecognizer(SphereNet(4, embedding_dim=32), head, num_classes=11).double()


def main(out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world_size = dist.get_rank(), dist.get_world_size()
    g = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (20, 8, 3, 112, 112), generator=g, dtype=torch.uint8)
    label = torch.randint(0, 11, (20, 8), generator=g)
    part = slice(rank * 8 // world_size, (rank + 1) * 8 // world_size)
    result = {}
    for name, head in (("asoftmax", ASoftmax()), ("cosface", CosFace(30))):
        model = model_of(head)
        parallel = DistributedDataParallel(Loss(model))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        for step in range(20):
            optimizer.zero_grad()
            loss = parallel(image[step, part], label[step, part])
            loss.backward()
            if step == 0:
                total = loss.detach().clone()
                dist.all_reduce(total)
                result[f"{name}/loss"] = total / world_size
                for key, p in model.named_parameters():
                    result[f"{name}/grad/{key}"] = p.grad.clone()
            optimizer.step()
        centres = model.classifier.weight.detach().clone()
        gathered = [torch.empty_like(centres) for _ in range(world_size)]
        dist.all_gather(gathered, centres)
        result[f"{name}/centres_equal"] = torch.tensor(all(torch.equal(centres, g) for g in gathered))
        result[f"{name}/step"] = torch.tensor(int(getattr(model.classifier.head, "step", 20)))
    if rank == 0:
        torch.save(result, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(sys.argv[1])
